// The texts of importing come with its page.
import { addTexts } from '.'
import en from './import.en.json'
import chinese from './import.zh-CN.json'

addTexts(chinese, en)
