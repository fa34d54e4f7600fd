// The texts of the cash desk, the runs and other services come with their pages.
import { addTexts } from '.'
import en from './desk.en.json'
import chinese from './desk.zh-CN.json'

addTexts(chinese, en)
